"""All that is true of every vendor: windows, bookmarks, read-ahead, HTTP, emission."""
