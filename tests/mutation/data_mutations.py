"""Changes of what a run reads (models, tokenizer, text, suite, goldens) that `check` must refuse or report: no rebuild, seconds.

Each takes a `home` (a copy of model/pretrained, suites and goldens) and spoils it.
"""
import dataclasses
import json
import struct
import typing

from code_mutations import Place


@dataclasses.dataclass(frozen=True)
class DataMutation:
    name: str
    what: str
    apply: typing.Callable
    tier: typing.Optional[str] = "contract"  # None: refused before anything is compared, with `message` on stderr
    message: str = ""
    places: tuple = ()
    contract_of: tuple = ()  # cases that must fail, in `tier`
    untouched: tuple = ()
    exit_code: int = 4


def flip_weight(path, tensor, bit):
    """Flips one bit of the first element of a tensor of a safetensors file."""
    data = bytearray(path.read_bytes())
    header_bytes = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + header_bytes])
    names = [n for n in header if n.endswith(tensor)]
    if len(names) != 1:
        raise ValueError(f"{path}: {len(names)} tensors end with {tensor}; expected one")
    at = 8 + header_bytes + header[names[0]]["data_offsets"][0]
    data[at + bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """(field number, begin, end, payload) of a protocol buffer message."""
    at = 0
    while at < len(data):
        begin = at
        key, at = varint(data, at)
        if key & 7 == 2:
            size, at = varint(data, at)
            payload, at = data[at:at + size], at + size
        elif key & 7 == 0:
            payload, at = varint(data, at)
        else:
            payload, at = None, at + (4 if key & 7 == 5 else 8)
        yield key >> 3, begin, at, payload


def without_last_merge(data):
    """A SentencePiece model without its last piece of more than one letter."""
    last = None
    for number, begin, end, payload in fields(data):
        if number != 1:
            continue
        piece = {n: value for n, _, _, value in fields(payload)}
        if piece.get(3, 1) == 1 and len(piece[1].decode()) > 1:
            last = (begin, end)
    return data[:last[0]] + data[last[1]:]


def shorten_tokenizer(home, named_by_suite):
    original = home / "model/pretrained/text-3m/tokenizer.model"
    short = without_last_merge(original.read_bytes())
    if not named_by_suite:
        original.write_bytes(short)
        return
    (home / "suites/short.model").write_bytes(short)
    suite = json.loads((home / "suites/quick.json").read_text())
    suite["groups"][0]["tokenizer"] = str(home / "suites/short.model")
    (home / "suites/quick.json").write_text(json.dumps(suite))


def edit_suite(home, edit):
    path = home / "suites/quick.json"
    suite = json.loads(path.read_text())
    edit(suite["groups"])
    path.write_text(json.dumps(suite))


def change_byte(path, at, value=None):
    data = bytearray(path.read_bytes())
    data[at] = data[at] ^ 1 if value is None else value
    path.write_bytes(data)


def first_text(home):
    return sorted((home / "suites/texts").glob("*.txt"))[0]


def golden(home, file):
    return home / "goldens/quick/prose.uniform" / file


def edit_metric(home):
    path = golden(home, "portable-1/metrics.json")
    text = path.read_text()
    at = text.index('"decimal": "') + len('"decimal": "')
    path.write_text(text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1:])


def drop_ledger(home):
    for path in (home / "goldens/ledger").glob("*.json"):
        path.unlink()


def drop_case(home):
    for path in sorted(golden(home, "").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    golden(home, "").rmdir()


FFN = "2/feed_forward/w1/kernel"
OTHERS = ("mlp.uniform", "mlp.frozen", "transformer.uniform")
EVERY_GROUP = ("prose.uniform", "mlp.uniform", "transformer.frozen")

MUTATIONS = (
    DataMutation("weight bit, tiny-mlp", "lowest bit of one weight of layer 2 in the file",
                 lambda home: flip_weight(home / "suites/models/tiny-mlp/model.safetensors", FFN, 0),
                 places=(Place("mlp.uniform", "block", 2, (0, 15)), Place("mlp.frozen", "block", 2, (0, 15))),
                 untouched=("prose.uniform", "transformer.uniform")),
    DataMutation("weight bit, text-3m", "lowest bit of one weight of layer 2 in the file",
                 lambda home: flip_weight(home / "model/pretrained/text-3m/model.safetensors", FFN, 0),
                 places=(Place("prose.uniform", "block", 2, (0, 15)), Place("prose.frozen", "block", 2, (0, 15))), untouched=OTHERS),
    DataMutation("tokenizer one merge short", "the shipped tokenizer without its last merge", lambda home: shorten_tokenizer(home, False),
                 tier=None, message="tokenizer"),
    DataMutation("other tokenizer in the suite", "the suite names the tokenizer that lacks a merge", lambda home: shorten_tokenizer(home, True),
                 contract_of=("prose.uniform", "prose.frozen"), untouched=OTHERS),
    DataMutation("one document later", "the first text is gone, the slice starts with the second", lambda home: first_text(home).unlink(),
                 contract_of=EVERY_GROUP),
    DataMutation("one letter of text", "one bit of the first text's tenth letter", lambda home: change_byte(first_text(home), 9),
                 contract_of=EVERY_GROUP),
    DataMutation("context one token shorter", "windows of 262 instead of 263 tokens",
                 lambda home: edit_suite(home, lambda groups: groups[0]["data"].update(context=262)),
                 contract_of=("prose.uniform",), untouched=OTHERS),
    DataMutation("case taken out", "the suite no longer names a case that has a golden",
                 lambda home: edit_suite(home, lambda groups: groups[0]["profiles"].remove("retina")),
                 contract_of=("prose.retina",), untouched=OTHERS),
    DataMutation("case without golden", "the suite names a case that was never accepted",
                 lambda home: edit_suite(home, lambda groups: groups[1]["profiles"].append("late:1")),
                 contract_of=("mlp.late-1",), untouched=("mlp.uniform", "prose.uniform")),
    DataMutation("golden deleted", "prose.uniform has no golden", drop_case,
                 contract_of=("prose.uniform",), untouched=OTHERS + ("prose.frozen",)),
    DataMutation("golden edited", "one digit of a value in metrics.json", edit_metric, tier=None, message="metrics.json"),
    DataMutation("golden damaged", "one bit in the middle of a trace",
                 lambda home: change_byte(golden(home, "portable-1/trace.zst"), golden(home, "portable-1/trace.zst").stat().st_size // 2),
                 tier=None, message="trace.zst"),
    DataMutation("golden never blessed", "the ledger is empty", drop_ledger, tier=None, message="ledger"),
)
