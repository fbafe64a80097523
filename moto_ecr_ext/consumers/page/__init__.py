"""The page for people: what the store has, in a browser, and a few things to do with it.

HTML is made here, by Jinja; there is one style sheet and one script, and nothing comes from elsewhere. It works without
the script too, but for the buttons that copy and the requests that appear by themselves.
"""
