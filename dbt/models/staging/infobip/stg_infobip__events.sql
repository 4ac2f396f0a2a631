{{ tap_eventexport.staged('infobip_events') }}
