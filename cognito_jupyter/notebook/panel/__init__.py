"""The panel, a widget."""
