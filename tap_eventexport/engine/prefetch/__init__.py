"""Reading several windows at once, and handing their pages out in order."""
