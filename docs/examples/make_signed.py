"""Write examples/signed.jpg and examples/tampered.jpg from photographs/rocket.jpg.

    python docs/examples/make_signed.py

The key is made here and thrown away, so the bytes differ with every run, and no list will ever
know the signer: `verascope verify` calls the first file `valid_untrusted`, and the second, in which
one bit of the picture differs, `invalid`.
"""

from pathlib import Path

from verascope.provenance.certificates import dev_chain
from verascope.provenance.sign import Declaration, Signer, sign

HERE = Path(__file__).parents[2] / "examples"
TEN_YEARS_DAYS = 3653


def main() -> None:
    """Sign the photograph, then change one bit near the end of its coded picture."""
    made = dev_chain("Verascope example, known to nobody", days=TEN_YEARS_DAYS)
    signer = Signer(chain=made.chain, key=made.key)
    says = Declaration(source_type="digitalCapture", title="rocket.jpg", actions=("published",))
    signed = HERE / "signed.jpg"
    sign(HERE / "photographs" / "rocket.jpg", signed, "image/jpeg", signer, says)
    data = bytearray(signed.read_bytes())
    data[-2000] ^= 1
    (HERE / "tampered.jpg").write_bytes(data)


if __name__ == "__main__":
    main()
