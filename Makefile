# 两条命令就够：make run（装好并跑起来），make test（装好并跑全部测试）。
# Two commands are enough: make run sets up and works the shipped plan; make test sets up and tests.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
HOST   ?= 127.0.0.1
PORT   ?= 8420
KILLS  ?= 200
SEED   ?= 1
READY  := $(VENV)/.ready-run
TESTED := $(VENV)/.ready-dev

export DUBAN_EXAMPLE ?= 1
export DO_NOT_TRACK = 1

.PHONY: help run test check format bench kills clean clean-example

help:
	@echo "make run         装好环境，用示例单位演到昨天，跑今天的流程，然后在 http://$(HOST):$(PORT) 提供服务（Ctrl-C 停止）"
	@echo "make run ONCE=1  同上，跑完即止；DUBAN_EXAMPLE=0 不要示例，用正式台账"
	@echo "make test        装好环境并运行全部测试"
	@echo "make check       格式、类型、导入方向"
	@echo "make bench       速度，以比值表示"
	@echo "make kills KILLS=200  在两种数据库上随机杀死提醒、发送进程，核对一封不丢、重发不换编号"
	@echo "make clean-example  删去示例台账和示例文件"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更新（现为 $$($(PYTHON) --version)）。办法：make PYTHON=python3.11 …"; exit 1; }
	@echo "准备运行环境（只在第一次或依赖变动时，约一分钟）……"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(TESTED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更新（现为 $$($(PYTHON) --version)）。"; exit 1; }
	@echo "准备测试环境……"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@ $(READY)

run: $(READY)
	@$(BIN)/duban check --brief
	@if [ "$$DUBAN_EXAMPLE" = 0 ]; then $(BIN)/duban apply; else $(BIN)/duban simulate; fi
	@$(BIN)/duban run all
	@$(BIN)/duban status
	@if [ -z "$(ONCE)" ]; then exec $(BIN)/duban up --host $(HOST) --port $(PORT); fi

test: $(TESTED)
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash .ci/test $(ARGS)

check: $(TESTED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(TESTED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(TESTED)
	$(BIN)/python bench/ratios.py
	$(BIN)/python bench/plan_ratio.py
	$(BIN)/python bench/remind_ratio.py
	$(BIN)/python bench/escalate_ratio.py
	$(BIN)/python bench/import_ratio.py
	$(BIN)/python bench/mail_ratio.py
	$(BIN)/python bench/paper_ratio.py
	$(BIN)/python bench/board_ratio.py

kills: $(TESTED)
	$(BIN)/python tests/kills.py --kills $(KILLS) --seed $(SEED)

clean-example:
	rm -rf var/example

clean: clean-example
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
