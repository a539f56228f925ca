"""What references look like in the API's paths. What looks otherwise is not searched for."""

import re

BILL_REFERENCE = re.compile(r"[0-9]{8}")
ID_OR_GATEWAY_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,80}")
