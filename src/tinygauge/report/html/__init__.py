"""The report as one web page: ``document`` the data in it, ``page`` the page.

The page holds its data, style, script and charting library, and asks nothing of any network.
"""

from tinygauge.report.html.page import render_page

__all__ = ["render_page"]
