"""The payer's pages: `/pay/<token>`, which leads to the gateway's page, and `/receipt/<token>`.

A page is read and changes nothing: robots that look at links before people do can do no harm. A token is 130
random bits, so nobody guesses one however often they try, and no limit is set on trying; it is never logged,
and every page forbids to pass it on.
"""
