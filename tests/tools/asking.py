"""Asks the questions of a check one after another, so that one wrong answer does not hide the others."""


def ask(*questions):
    """Calls each. @raises AssertionError with the names of those that failed, at the end"""
    failed = []
    for question in questions:
        try:
            question()
            print(f"ok {question.__name__}")
        except AssertionError as error:
            failed.append(question.__name__)
            print(f"FAILED {question.__name__}: {error}")
    assert not failed, failed
