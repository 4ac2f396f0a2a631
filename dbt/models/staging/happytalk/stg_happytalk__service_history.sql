{{ tap_eventexport.staged('happytalk_service_history') }}
