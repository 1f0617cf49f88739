// Styles of report.html. A table that is wider than the page has a shade at the
// edge beyond which it goes on: shades stay, grounds that hide them scroll with
// the table's ends. Text has a contrast of 7 and more against its ground,
// in light and dark; verdicts are words, never a colour alone.
#pragma once

namespace plastometer {

inline constexpr char kHtmlStyle[] = R"css(
:root{--ground:#fff;--text:#1b1f24;--faint:#4a525c;--line:#c9d0d8;--panel:#f5f7f9;--link:#0b4f9e;--shade:rgba(0,0,0,.3);
 --yes:#14532d;--yes-ground:#dff3e4;--no:#7a1420;--no-ground:#fbe1e3;--open:#5a4300;--open-ground:#fdf0c9}
@media (prefers-color-scheme:dark){:root{--ground:#14171b;--text:#e8ebef;--faint:#b3bcc7;--line:#3a424c;--panel:#1d2228;--link:#8fc1ff;--shade:rgba(255,255,255,.35);
 --yes:#b9efc8;--yes-ground:#163a24;--no:#ffc9ce;--no-ground:#4a151c;--open:#ffe4a1;--open-ground:#463703}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:1rem;max-width:80rem;background:var(--ground);color:var(--text);
 font:1rem/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}
h2{font-size:1.3rem;margin:2.2rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.2rem 0 .4rem}
p,ul{margin:.5rem 0;max-width:60rem}
a{color:var(--link)}
code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em;overflow-wrap:anywhere}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0}
.note,figcaption,caption{color:var(--faint);font-size:.875rem}
.answer{background:var(--panel);border-left:.3rem solid var(--line);padding:.4rem .9rem;margin:.8rem 0}
.answer h3{margin:.2rem 0}
.verdict{display:inline-block;padding:0 .5rem;border-radius:.25rem;margin-right:.3rem;background:var(--open-ground);color:var(--open)}
.yes .verdict{background:var(--yes-ground);color:var(--yes)}
.no .verdict{background:var(--no-ground);color:var(--no)}
.scroll{overflow-x:auto;margin:.8rem 0 .2rem;background-repeat:no-repeat;background-attachment:local,local,scroll,scroll;
 background-image:linear-gradient(to right,var(--ground) 40%,transparent),linear-gradient(to left,var(--ground) 40%,transparent),
 linear-gradient(to right,var(--shade),transparent),linear-gradient(to left,var(--shade),transparent);
 background-position:left,right,left,right;background-size:2.5rem 100%,2.5rem 100%,.9rem 100%,.9rem 100%}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
caption{text-align:left;padding-bottom:.3rem}
caption span{display:block;max-width:min(60rem,calc(100vw - 3rem))}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{border-bottom:2px solid var(--line);vertical-align:bottom;white-space:normal}
th[scope=row],.left{text-align:left}
@media (min-width:60rem){td.left{white-space:normal}}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1rem;align-items:start}
figure{margin:0;min-width:0;break-inside:avoid}
figure svg,figure img{display:block;width:100%;max-width:36rem;height:auto}
figure svg [color=black]{color:inherit}
figure svg [color=white]{color:var(--ground)}
figure svg [fill=black]{fill:currentColor}
figure svg [stroke=black],figure svg [stroke="rgb(  0,   0,   0)"]{stroke:currentColor}
figure svg text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
figcaption{margin-top:.4rem}
.paper{background:#fff;padding:.25rem;max-width:36.5rem}
.absent{border:1px dashed var(--line);padding:.6rem}
@media (min-width:76rem){.figures:has(>figure:nth-child(3n):last-child){grid-template-columns:repeat(3,minmax(0,1fr))}}
@media (max-width:40rem){body{padding:.6rem}figure svg text{font-size:15px}th,td{padding:.25rem .45rem}}
@media print{:root{--ground:#fff;--text:#000;--faint:#333;--line:#999;--panel:#fff;--link:#000;--yes:#14532d;--no:#7a1420;--open:#5a4300}
 body{max-width:none;font-size:10pt}nav{display:none}.scroll{overflow:visible;background:none}table{font-size:8pt}th,td{padding:.15rem .3rem;white-space:normal}
 tr,.answer{break-inside:avoid}h2,h3,caption,thead{break-after:avoid}.figures{grid-template-columns:1fr 1fr}
 caption span{max-width:none}}
)css";

}  // namespace plastometer
