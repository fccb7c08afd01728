"""Where packets come from: one small protocol in front of ring, libpcap and capture files (step 1 and 2)."""
