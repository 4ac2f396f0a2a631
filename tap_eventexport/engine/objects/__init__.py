"""Files in an object store that speaks the protocol of S3; Infobip alone has some."""
