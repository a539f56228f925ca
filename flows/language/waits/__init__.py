"""The waits: one file for each. This list is the only one: a new wait adds its line here."""

from flows.language.wait import Wait
from flows.language.waits.ask import *
from flows.language.waits.charge import *
from flows.language.waits.choose import *
from flows.language.waits.close_link import *
from flows.language.waits.collect_card import *
from flows.language.waits.end import *
from flows.language.waits.find_bill import *
from flows.language.waits.find_callers_bill import *
from flows.language.waits.find_saved_card import *
from flows.language.waits.forget_card import *
from flows.language.waits.go import *
from flows.language.waits.may_keep_card import *
from flows.language.waits.send_link import *
from flows.language.waits.set_language import *
from flows.language.waits.tell import *
from flows.language.waits.transfer import *

WAITS: tuple[type[Wait], ...] = tuple(
    each for each in list(vars().values()) if isinstance(each, type) and Wait in each.__mro__[1:]
)
"""Every wait there is."""
