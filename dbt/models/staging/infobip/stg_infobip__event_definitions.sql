{{ tap_eventexport.staged('infobip_event_definitions') }}
