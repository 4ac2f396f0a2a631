{{ tap_eventexport.staged('croct_sessions') }}
