{{ tap_eventexport.staged('dfinery_events') }}
