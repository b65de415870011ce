"""Signing with a key that never leaves its store: a smart card, a token, an HSM, by PKCS#11."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from verascope.errors import MissingExtraError, UsageError
from verascope.provenance.sign import Callback

# Hashes are taken here: many stores (SoftHSM among them) only sign what is hashed already.
ELLIPTIC = {"es256": "sha256", "es384": "sha384", "es512": "sha512"}
RSA_PSS = {"ps256": "sha256", "ps384": "sha384", "ps512": "sha512"}


@contextmanager
def key_store(module: str, token: str, label: str, pin: str, algorithm: str) -> Iterator[Callback]:
    """A callback for `sign.Signer`, as long as the context is open.

    Args:
        module: the store's library, a full path.
        token: label of the token in it.
        label: label of the private key on the token.
        pin: of the token's user.
        algorithm: one of sign.ALGORITHMS; must fit the key.

    Raises:
        MissingExtraError: python-pkcs11 is not installed.
        UsageError: there is no such store, token or key, or the PIN is wrong.
    """
    try:
        import pkcs11
    except ModuleNotFoundError as error:
        raise MissingExtraError("python-pkcs11", "pkcs11") from error
    try:
        found = pkcs11.lib(module).get_token(token_label=token)
        session = found.open(user_pin=pin)
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise UsageError(f"key store: token {token!r} in {module}: {_said(error)}") from error
    with session:
        try:
            key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=label)
        except pkcs11.PKCS11Error as error:
            raise UsageError(f"key store: no single key {label!r}: {_said(error)}") from error
        yield _callback(key, algorithm)


def _callback(key: Any, algorithm: str) -> Callback:
    """What asks the store for one signature: raw r‖s for elliptic curves."""
    from pkcs11 import MGF, Mechanism

    if algorithm in ELLIPTIC:
        name = ELLIPTIC[algorithm]
        return lambda data: bytes(
            key.sign(hashlib.new(name, data).digest(), mechanism=Mechanism.ECDSA)
        )
    if algorithm in RSA_PSS:
        name = RSA_PSS[algorithm]
        upper, size = name.upper(), hashlib.new(name).digest_size
        how = (Mechanism[upper], MGF[upper], size)
        return lambda data: bytes(
            key.sign(
                hashlib.new(name, data).digest(),
                mechanism=Mechanism.RSA_PKCS_PSS,
                mechanism_param=how,
            )
        )
    return lambda data: bytes(key.sign(data, mechanism=Mechanism.EDDSA))


def _said(error: Exception) -> str:
    """PKCS#11 errors often have a name alone."""
    return str(error) or type(error).__name__
