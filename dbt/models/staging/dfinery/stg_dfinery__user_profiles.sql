{{ tap_eventexport.staged('dfinery_user_profiles') }}
