"""Reads an office's 任务分工表 (Excel, CSV, Word) into YAML that ``duban check`` understands."""

from __future__ import annotations
