#!/bin/sh
# Installs locked versions into .venv. `run`: what the server needs; `dev`: also what its tests and its lint need.
# PYTHON names the Python to use (without it, .venv's own, else python3); another than .venv's makes .venv anew.
# pip and uv stay out of .venv, except that `dev` keeps uv.
set -eu
what=$1
venv=.venv
tools=.venv-installer # beside .venv: some machines run no program from /tmp

# Prints the path of the Python given, or one sentence on standard error about what it lacks.
usable() {
	"$1" - "$1" <<-'EOF'
		import sys

		name = "%s (Python %d.%d.%d)" % ((sys.argv[1],) + tuple(sys.version_info[:3]))
		other = "Name another: make PYTHON=/path/to/python3.12 call"
		if sys.version_info < (3, 11):
		    sys.exit("Pay-by-Call needs Python 3.11 or later, and %s is older. %s" % (name, other))
		try:
		    import ensurepip, venv
		except ImportError:
		    sys.exit("%s lacks the module venv. On Debian and Ubuntu: apt install python3-venv" % name)
		try:
		    import sqlite3, ssl
		except ImportError as fault:
		    sys.exit("%s lacks the module %s. %s" % (name, fault.name, other))
		sys.path.insert(0, "")
		from ivr.platform.database.sqlite import version_fault

		fault = version_fault()
		if fault:
		    sys.exit("Pay-by-Call %s." % fault)
		print(sys.executable)
	EOF
}

# Which Python a program is, also where it is one of a virtual environment.
identity() {
	"$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>/dev/null
}

if [ -z "${PYTHON:-}" ] && usable $venv/bin/python >/dev/null 2>&1; then
	python=$venv/bin/python
elif ! command -v "${PYTHON:=python3}" >/dev/null; then
	echo "Pay-by-Call needs Python 3.11 or later, and there is no $PYTHON here. On Debian and Ubuntu: apt install python3-venv" >&2
	exit 1
else
	python=$(usable "$PYTHON")
	if [ "$(identity "$python")" = "$(identity $venv/bin/python)" ]; then
		python=$venv/bin/python
	fi
fi
done=$venv/.installed
[ "$what" = dev ] || done=$venv/.runs
if [ "$python" = $venv/bin/python ] && [ -e $done ] && [ -z "$(find requirements pyproject.toml -newer $done)" ]; then
	exit 0
fi

cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/uv} # a user without a home has none
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || export UV_NO_CACHE=1

if [ "$python" = $venv/bin/python ] && [ -x $venv/bin/uv ]; then
	uv=$venv/bin/uv
else
	echo "Fetching the installer, uv ..."
	trap 'rm -rf $tools' EXIT
	trap 'exit 130' INT TERM HUP
	rm -rf $tools
	"$python" -m venv $tools
	$tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt || {
		echo "The installer could not be fetched. This machine must reach PyPI, or the index that PIP_INDEX_URL names." >&2
		exit 1
	}
	uv=$tools/bin/uv
fi
rm -f $venv/.runs $venv/.installed # a broken-off install is not taken for a whole one
[ "$python" = $venv/bin/python ] || $uv venv --quiet --clear --python "$python" $venv

echo "Installing $(grep -c == requirements/"$what".txt) packages into $venv ..."
[ -t 2 ] && quiet= || quiet=--quiet # in a terminal uv shows how far it is
export VIRTUAL_ENV=$venv
$uv pip install $quiet --require-hashes --requirement "requirements/$what.txt"
$uv pip install --quiet --no-deps --build-constraints requirements/dev.txt --editable .
if [ "$what" = dev ]; then
	$uv pip install --quiet --require-hashes --requirement requirements/uv.txt
	touch $venv/.installed
fi
touch $venv/.runs
echo "Installed: $(du -sm $venv | cut -f1) MB in $venv."
