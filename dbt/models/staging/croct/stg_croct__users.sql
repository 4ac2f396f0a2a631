{{ tap_eventexport.staged('croct_users') }}
