"""How the panel looks: JupyterLab's own colours where it is around, else the browser's, so that every theme fits."""

from __future__ import annotations

from ..display.views import PANEL_PLACEHOLDER

STYLE = """
.cognito-panel { --ink: var(--jp-ui-font-color1, CanvasText); --soft: var(--jp-ui-font-color2, GrayText);
  --line: var(--jp-border-color2, #8886); --act: #1a56a8; --act-over: #134487; --bar: var(--jp-brand-color1, #1a56a8);
  box-sizing: border-box; width: auto; max-width: 30rem; min-width: 0; margin: .25rem; padding: 1rem 1.25rem;
  border: 1px solid var(--line); border-radius: .5rem; overflow: visible;
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: .875rem }
.cognito-panel .cognito-face, .cognito-panel .widget-html, .cognito-panel .widget-html-content { height: auto;
  width: auto; min-width: 0; margin: 0; overflow-wrap: anywhere; white-space: normal; line-height: 1.5;
  font-size: inherit; color: var(--ink); overflow: visible }
.cognito-panel h4 { margin: 0 0 .75rem; font-size: 1rem; line-height: 1.3; font-weight: 600; color: inherit }
.cognito-panel p { margin: 0 0 .75rem; line-height: 1.5 }
.cognito-panel .soft { color: var(--soft) }
.cognito-panel .under { margin: .25rem 0 0 }
.cognito-panel section + section, .cognito-panel .count { margin-top: 1rem; padding-top: 1rem;
  border-top: 1px solid var(--line) }
.cognito-panel .problem { margin: 0 0 .75rem; padding: .5rem .75rem; border-radius: .25rem;
  border: 1px solid var(--jp-error-color1, #c62828); border-left-width: 4px }
.cognito-panel a.go { display: block; box-sizing: border-box; padding: .5rem 1rem; border-radius: .25rem;
  text-align: center; font-weight: 600; text-decoration: none; color: #fff !important; background: var(--act) }
.cognito-panel a.go:hover { background: var(--act-over) }
.cognito-panel :is(a.go, input, button, select):focus-visible { outline: 3px solid var(--bar); outline-offset: 2px }
.cognito-panel label.address { display: block; font-weight: 600 }
.cognito-panel label.address input { display: block; box-sizing: border-box; width: 100%; margin-top: .25rem;
  padding: .5rem .625rem; font: inherit; font-weight: 400; color: var(--ink);
  background: var(--jp-layout-color1, Canvas); border: 1px solid var(--jp-ui-font-color2, GrayText);
  border-radius: .25rem }
.cognito-panel label.address input::placeholder { color: var(--soft); opacity: 1 }
.cognito-panel .bar { height: .375rem; margin: .375rem 0; border-radius: .25rem; overflow: hidden;
  background: var(--line) }
.cognito-panel .bar > i { display: block; height: 100%; width: 100%; background: var(--bar);
  transform-origin: left }
.cognito-panel dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1rem; margin: 0 }
.cognito-panel dt { color: var(--soft); font-weight: 400; width: auto; float: none }
.cognito-panel dd { margin: 0; padding: 0; width: auto; float: none }
.cognito-panel svg { display: block; width: 100%; height: auto; margin: 0 0 .75rem; color: var(--ink) }
.cognito-panel .widget-dropdown { width: auto; max-width: 100%; margin: .75rem 0 0 }
.cognito-panel .widget-dropdown .widget-label { width: auto; min-width: 4rem; text-align: left; color: var(--soft);
  font-size: inherit }
.cognito-panel .widget-dropdown > select { min-width: 0; font-size: inherit; color: var(--ink) }
.cognito-panel .widget-checkbox { width: auto; height: auto; margin: .75rem 0 0 }
.cognito-panel .widget-checkbox .widget-label-basic { width: auto; height: auto; min-width: 0; white-space: normal;
  line-height: 1.4; font-size: inherit }
.cognito-panel .widget-button { height: auto; min-height: 2.25rem; margin: .75rem 0 0; padding: .375rem 1rem;
  width: 100%; font-size: inherit; line-height: 1.4; white-space: normal; border-radius: .25rem }
.cognito-panel .widget-button.mod-primary { font-weight: 600; color: #fff; background: var(--act) }
.cognito-panel .widget-button.mod-primary:hover { background: var(--act-over) }
.cognito-panel.jupyter-widgets-disconnected > * { display: none !important }
.cognito-panel.jupyter-widgets-disconnected::before { content: none }
.cognito-panel.jupyter-widgets-disconnected::after { content: "STALE"; color: var(--ink); line-height: 1.5 }
@keyframes cognito-shrink { to { transform: scaleX(0) } }
""".replace("STALE", PANEL_PLACEHOLDER.text())
