"""Several runs side by side on one page that opens offline, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_STYLE = """
body{font:15px/1.5 system-ui,'Segoe UI','Noto Sans','Noto Sans CJK SC',sans-serif;color:#222;
margin:24px;max-width:1280px}
table{border-collapse:collapse;margin:12px 0 28px}
th,td{border-bottom:1px solid #ddd;padding:5px 12px;text-align:left;vertical-align:top;
overflow-wrap:anywhere;max-width:420px}
thead th{border-bottom:2px solid #888}
figure{margin:0;overflow-x:auto}
"""


def write_comparison(
    labels: Sequence[str], rows: Mapping[str, Sequence[str]], drawings: Sequence[str]
) -> str:
    """Return an HTML page: what differs, the figures, and the drawings (SVG text) below."""
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in labels)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows.items()
    )
    figures = "".join(f"<figure>{drawing}</figure>" for drawing in drawings)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Runs compared 训练对比</title><style>{_STYLE}</style>"
        '<h1>Runs compared <span lang="zh">训练对比</span></h1>'
        '<h2>What differs, and what came of it <span lang="zh">配置差异与结果</span></h2>'
        "<table><thead><tr>"
        f'<th scope="col">setting <span lang="zh">项目</span></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
        f'<h2>Curves <span lang="zh">曲线</span></h2>{figures}</html>\n'
    )
