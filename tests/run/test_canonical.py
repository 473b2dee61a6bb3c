"""What differs from run to run leaves an executed notebook, and nothing else does."""

from __future__ import annotations

from workbook.run.canonical import canonical_notebook


def notebook(*outputs: dict[str, object]) -> dict[str, object]:
    timing = {"papermill": {"duration": 1.2}, "execution": {"iopub.execute_input": "2025"}}
    return {
        "cells": [
            {"cell_type": "code", "id": "random", "metadata": {"tags": ["injected-parameters"], **timing}, "outputs": []},
            {"cell_type": "code", "id": "kept", "metadata": {"tags": ["mine"], **timing}, "outputs": list(outputs)},
            {"cell_type": "markdown", "id": "words", "metadata": {}, "source": "/home/a stays in prose"},
        ],
        "metadata": {"papermill": {"start_time": "2025"}, "kernelspec": {"name": "python3"}},
        "nbformat": 4,
    }


def test_times_and_random_ids_leave_and_tags_stay() -> None:
    clean = canonical_notebook(notebook(), {})
    assert clean["metadata"] == {"kernelspec": {"name": "python3"}}
    assert [cell["id"] for cell in clean["cells"]] == ["injected-parameters", "kept", "words"]
    assert clean["cells"][1]["metadata"] == {"tags": ["mine"]}


def test_folders_process_numbers_and_addresses_leave_the_outputs_alone() -> None:
    outputs = (
        {"output_type": "stream", "text": ["/tmp/ipykernel_123/456.py:1: UserWarning\n", "/home/a/outputs/x and /home/a\n"]},
        {"output_type": "execute_result", "data": {"text/plain": "<object at 0x7f00ab>", "n": 3}},
    )
    stream, shown = canonical_notebook(notebook(*outputs), {"/home/a": ".", "/home/a/outputs/x": "results"})["cells"][1][
        "outputs"
    ]
    assert stream["text"] == ["cell.py:1: UserWarning\n", "results and .\n"]
    assert shown["data"] == {"text/plain": "<object at 0x>", "n": 3}


def test_a_picture_of_megabytes_takes_no_time() -> None:
    picture = "ipykernel" + "A" * 5_000_000
    clean = canonical_notebook(notebook({"output_type": "display_data", "data": {"image/png": picture}}), {"/home/a": "."})
    assert clean["cells"][1]["outputs"][0]["data"]["image/png"] == picture
