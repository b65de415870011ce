"""Croissant metadata of a corpus (mlcommons.org/croissant/1.0), written by hand."""

from typing import Any

from verascope.generate.manifest import MANIFEST, Row

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def describe(
    name: str,
    description: str,
    licences: list[str],
    manifest_sha256: str,
    folders: list[str],
    noun: str = "pictures",
) -> dict[str, Any]:
    """The JSON-LD of a corpus: its manifest, its files, and a record for every row.

    `noun` is pictures or recordings.
    """
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "description": description,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "version": "1.0.0",
        "license": licences or ["unknown"],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": MANIFEST,
                "name": MANIFEST,
                "contentUrl": MANIFEST,
                "encodingFormat": "text/csv",
                "sha256": manifest_sha256,
            },
            {
                "@type": "cr:FileObject",
                "@id": "folder",
                "name": "folder",
                "contentUrl": "./",
                "encodingFormat": "local_directory",
                "sha256": "local",
            },
            {
                "@type": "cr:FileSet",
                "@id": noun,
                "name": noun,
                "containedIn": {"@id": "folder"},
                "encodingFormat": "image/*" if noun == "pictures" else "audio/*",
                "includes": [f"{folder}/*" for folder in folders],
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "rows",
                "name": "rows",
                "field": [_field(column) for column in Row.__struct_fields__],
            }
        ],
    }


def _field(column: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"rows/{column}",
        "name": f"rows/{column}",
        "dataType": "sc:Integer" if column == "bytes" else "sc:Text",
        "source": {"fileObject": {"@id": MANIFEST}, "extract": {"column": column}},
    }
