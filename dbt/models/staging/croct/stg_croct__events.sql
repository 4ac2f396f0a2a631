{{ tap_eventexport.staged('croct_events') }}
