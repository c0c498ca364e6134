"""Fits of catalogue constants to measured tables and published steps; see tools/calibrate.py."""
