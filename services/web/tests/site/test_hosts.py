"""The company's addresses, which an installation of one's own has nothing to do with."""

from pathlib import Path

ROOT = Path(__file__).parents[4]
FOREIGN = ("hypothes.is", "googleapis.com", "googletagmanager.com", "google-analytics.com")
# Old addresses of a proxy are read as those of the pages behind it: the same annotations are found by both.
PROXY_OF_OLD = ROOT / "libs/hcommon/src/hcommon/uri/normalization.py"


class TestSources:
    def test_name_none_of_the_company_s(self) -> None:
        files = [path for part in ("libs", "services") for path in ROOT.glob(f"{part}/*/src/**/*") if path.is_file()]
        texts = {path: path.read_bytes() for path in files if path.suffix != ".pyc" and path != PROXY_OF_OLD}
        assert len(texts) > 300
        assert [str(path) for path, text in texts.items() if any(name.encode() in text for name in FOREIGN)] == []
