{{ tap_eventexport.staged('ncp_apigateway_events') }}
