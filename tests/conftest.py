"""Patience for all tests: that a machine is busy is no fault of the code."""

from hypothesis import HealthCheck, settings
from playwright import async_api, sync_api

async_api.expect.set_options(timeout=20_000)
sync_api.expect.set_options(timeout=20_000)
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
