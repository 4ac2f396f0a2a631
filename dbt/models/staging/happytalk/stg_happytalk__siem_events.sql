{{ tap_eventexport.staged('happytalk_siem_events') }}
