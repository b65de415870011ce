"""What reading does differently for a picture and for sound; one file a modality."""
