# Everything is done by scripts/bootstrap.py, which also works where there is no make.
# Arguments for a program go into ARGS, as in: make test ARGS="-k window"

# The first Python that starts, oldest supported one first: a bare python3 may be too new.
PYTHON ?= $(or $(shell for python in python3.11 python3.12 python3.13 python3; do \
	if $$python -c "import sys; print(sys.executable)" 2>/dev/null; then break; fi; done),python3)
ARGS ?=

.PHONY: run test check setup screenshots lock clean

run:
	@"$(PYTHON)" scripts/bootstrap.py run $(ARGS)

test:
	@"$(PYTHON)" scripts/bootstrap.py test $(ARGS)

check setup screenshots:
	@"$(PYTHON)" scripts/bootstrap.py $@ $(ARGS)

lock:
	uv pip compile --universal --generate-hashes --group dev --extra cluster \
		pyproject.toml --no-header -o requirements.lock

# All that can be made anew, the virtual environment included.
clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
