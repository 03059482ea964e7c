"""Writes the bill of materials of the program: `sbom.py OUTPUT`, in the checkout, with cargo-cyclonedx in the path.

The bill lists what is linked into the program: the dependencies for this machine's target, without those of tests and build
scripts. The output of cargo-cyclonedx is changed so that equal sources give equal bills, and scanners report no package that is
not in the program.
"""

import json
import os
import pathlib
import subprocess
import sys

# The crate names a licence file in place of a licence. deny.toml holds the file's hash.
LICENCES = {"hdf5-metno-src": "BSD-3-Clause"}


def main(output):
    host = subprocess.run(["rustc", "--print", "host-tuple"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(
        ["cargo", "cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--no-build-deps", "--target", host]
        + ["--override-filename", "sbom.cdx"],
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
    )
    written = pathlib.Path("sbom.cdx.json")
    bill = json.loads(written.read_text())
    written.unlink()
    leave_out_unused_packages(bill)
    leave_out_local_packages(bill)
    for component in bill["components"]:
        if component["name"] in LICENCES:
            licence = component["licenses"][0]["license"]
            licence["id"] = LICENCES[component["name"]]
            del licence["name"]
    bill = rename_program(bill)
    pathlib.Path(output).write_text(json.dumps(bill, indent=2) + "\n")


def leave_out_unused_packages(bill):
    """cargo-cyclonedx also lists packages behind features that only tests enable, and that no build of the program compiles."""
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--edges=normal", "--prefix=none", "--format={p}"], check=True, capture_output=True, text=True
    ).stdout
    used = {tuple(line.split()[:2]) for line in tree.splitlines()}
    bill["components"] = [it for it in bill["components"] if (it["name"], "v" + it["version"]) in used]
    kept = {it["bom-ref"] for it in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    bill["dependencies"] = [it for it in bill["dependencies"] if it["ref"] in kept]
    for entry in bill["dependencies"]:
        if "dependsOn" in entry:
            entry["dependsOn"] = [ref for ref in entry["dependsOn"] if ref in kept]


def leave_out_local_packages(bill):
    """Packages of this repository, as .cargo/lru, are a part of the program; their dependencies become the program's."""
    local = {it["bom-ref"] for it in bill["components"] if it["bom-ref"].startswith("path+")}
    needs = {it["ref"]: it.get("dependsOn", []) for it in bill["dependencies"]}
    bill["components"] = [it for it in bill["components"] if it["bom-ref"] not in local]
    bill["dependencies"] = [it for it in bill["dependencies"] if it["ref"] not in local]
    for entry in bill["dependencies"]:
        if local.intersection(entry.get("dependsOn", [])):
            direct = [ref for ref in entry["dependsOn"] if ref not in local]
            through = [need for ref in entry["dependsOn"] if ref in local for need in needs[ref]]
            entry["dependsOn"] = sorted({*direct, *through})


def rename_program(bill):
    """The program by its name and version in place of its folder."""
    program = bill["metadata"]["component"]
    folder, name = program["bom-ref"], f"{program['name']}@{program['version']}"

    def renamed(value):
        if isinstance(value, dict):
            return {key: renamed(it) for key, it in value.items()}
        if isinstance(value, list):
            return [renamed(it) for it in value]
        if isinstance(value, str) and value.startswith(folder):
            return name + value.removeprefix(folder)
        return value

    return renamed(bill)


if __name__ == "__main__":
    main(sys.argv[1])
