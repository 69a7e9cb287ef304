"""The export sheet: variables, files, code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from blank_page import choose, report_progress
from playwright.sync_api import Locator, Page, expect
from stand_in import StandIn, Talk

from chatmem_nb.widgets.file_formats import FILE_FORMATS, FileFormat

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]


def opened(blank: Blank) -> tuple[Page, StandIn]:
    kernel = StandIn({"talk": Talk(40), "other": Talk(3)})
    kernel.session = "talk"
    page = blank(kernel)
    page.locator(".msg:not(.waiting)").first.wait_for()
    return page, kernel


def sheet(page: Page, opener: str) -> Locator:
    """The sheet of what can be exported."""
    if opener == "Export 1 session":
        page.get_by_role("button", name=opener).click()
    else:
        choose(page, opener, "More" if opener == "Export all sessions" else "Session tools")
    return page.get_by_role("dialog", name=opener)


def download(away: Locator, label: str) -> None:
    away.get_by_label("Export as").select_option(label=label)
    away.get_by_role("button", name="Download").click()


def test_a_dataframe_is_saved_in_a_named_variable(blank: Blank) -> None:
    page, kernel = opened(blank)
    away = sheet(page, "Export session")
    away.get_by_label("Variable").fill("chats")
    page.keyboard.press("Enter")
    expect(away.get_by_text("chats: a DataFrame of 40 rows")).to_be_visible()
    assert kernel.asked("to_variable") == [
        {"name": "chats", "scope": "session", "redact": False, "overwrite": False}
    ]


def test_an_existing_variable_is_replaced_only_after_confirmation(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.broken["to_variable"] = {"type": "exists", "message": "`df` is already a variable."}
    away = sheet(page, "Export session")
    away.get_by_role("button", name="Save as").click()
    expect(away.get_by_role("alert").filter(has_text="`df` is already a variable.")).to_be_visible()
    kernel.broken.clear()
    away.get_by_role("button", name="Replace").click()
    expect(away.get_by_text("df: a DataFrame of 40 rows")).to_be_visible()
    assert [ask["overwrite"] for ask in kernel.asked("to_variable")] == [False, True]


def test_a_new_name_after_an_error_does_not_overwrite_a_variable(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.broken["to_variable"] = {"type": "exists", "message": "`df` is already a variable."}
    away = sheet(page, "Export session")
    away.get_by_role("button", name="Save as").click()
    away.get_by_role("button", name="Replace").wait_for()
    away.get_by_label("Variable").fill("important")
    away.get_by_role("button", name="Save as").click()
    page.wait_for_function("() => sent.filter(m => m.method === 'to_variable').length === 2")
    assert kernel.asked("to_variable")[-1] == {
        "name": "important",
        "scope": "session",
        "redact": False,
        "overwrite": False,
    }


@pytest.mark.parametrize("form", FILE_FORMATS.values(), ids=list(FILE_FORMATS))
def test_a_file_is_downloaded_and_its_code_is_shown(blank: Blank, form: FileFormat) -> None:
    page, kernel = opened(blank)
    away = sheet(page, "Export session")
    with page.expect_download() as waiting:
        download(away, form.label)
    assert waiting.value.suggested_filename == f"chat{form.suffix}"
    assert Path(waiting.value.path()).read_bytes() == b'{"session_id": "trip to Oslo"}\n'
    assert kernel.asked("export") == [{"scope": "session", "redact": False, "format": form.name}]
    expect(away.get_by_role("group", name="Python code")).to_contain_text(f"the {form.name} file of session")
    expect(away.get_by_text(form.about)).to_be_visible()
    expect(away.get_by_label("Variable")).to_be_hidden()


def test_what_a_format_cannot_hold_is_said(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.left_out = "Left out: 1 session. talk: it has no message of the assistant"
    with page.expect_download():
        download(sheet(page, "Export all sessions"), "OpenAI fine-tuning")
    expect(page.get_by_role("dialog").get_by_text(kernel.left_out)).to_be_visible()


def test_redaction_applies_to_the_code_the_file_and_the_variable(blank: Blank) -> None:
    page, kernel = opened(blank)
    away = sheet(page, "Export session")
    away.get_by_label("Redact personal data and credentials").check()
    with page.expect_download():
        download(away, "CSV")
    expect(away.get_by_text("3 values redacted, 1 unreadable record left out")).to_be_visible()
    away.get_by_label("Export as").select_option(label="DataFrame in a variable")
    away.get_by_role("button", name="Save as").click()
    expect(away.get_by_text("a DataFrame of 40 rows; 3 values redacted")).to_be_visible()
    asked = [kernel.asked(name)[-1]["redact"] for name in ("code", "export", "to_variable")]
    assert asked == [True, True, True]


def test_all_or_selected_sessions_are_exported(blank: Blank) -> None:
    page, kernel = opened(blank)
    with page.expect_download():
        download(sheet(page, "Export all sessions"), "JSONL")
    page.keyboard.press("Escape")
    page.locator(".tick").first.click()
    with page.expect_download():
        download(sheet(page, "Export 1 session"), "CSV")
    assert [ask["scope"] for ask in kernel.asked("export")] == ["all", "selected"]


@pytest.mark.parametrize(("variables", "files"), [(False, True), (True, False), (False, False)])
def test_only_what_is_permitted_is_offered(blank: Blank, variables: bool, files: bool) -> None:
    page, kernel = opened(blank)
    kernel.may |= {"variables": variables, "files": files}
    page.evaluate("() => setTrait('read_only', true)")
    page.wait_for_function("() => sent.filter(m => m.method === 'hello').length === 2")
    away = sheet(page, "Export session")
    expect(away.get_by_role("group", name="Python code")).to_contain_text("UpstashSessionStore")
    visible = away.get_by_label("Variable").filter(visible=True)
    expect(visible).to_have_count(int(variables))
    expect(away.get_by_role("option", name="DataFrame in a variable")).to_have_count(int(variables))
    expect(away.get_by_role("option", name="Parquet")).to_have_count(int(files))


def test_a_download_that_takes_long_can_be_stopped(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.silent = {"export"}
    away = sheet(page, "Export all sessions")
    download(away, "JSONL")
    report_progress(page, "export", done=1500, total=None, note="messages read")
    expect(away.get_by_text("messages read: 1,500")).to_be_visible()
    page.locator(".toast").get_by_role("button", name="Cancel").click()
    expect(page.locator(".toast")).to_be_hidden()
    assert len(kernel.asked("cancel")) == 1


def test_a_download_that_is_too_large_shows_the_python_code(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.broken["export"] = {
        "type": "too_large",
        "message": "More than 50 MB. Run:\n\nexport(store, 'all.jsonl')",
    }
    away = sheet(page, "Export all sessions")
    download(away, "JSONL")
    expect(away.get_by_role("alert").first).to_contain_text("export(store, 'all.jsonl')")


def test_code_for_what_is_shown_can_be_copied(blank: Blank) -> None:
    page, _ = opened(blank)
    away = sheet(page, "Export session")
    expect(away.get_by_role("group", name="Python code")).to_contain_text("UpstashSessionStore.from_env()")
    away.get_by_role("button", name="Copy code").click()
    page.keyboard.press("Escape")
    page.get_by_label("Message", exact=True).focus()
    page.keyboard.press("Control+V")
    expect(page.get_by_label("Message", exact=True)).to_have_value(
        "from chatmem_nb import UpstashSessionStore\n\nstore = UpstashSessionStore.from_env()\n# df of session"
    )
