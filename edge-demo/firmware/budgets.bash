# What the image may take; more is an error of `run`. Each is what it takes now, rounded up: whoever makes it grow, says so here.

# Code and constants, without the recording. `src/board/memory.x` holds the next whole KiB.
flash_bytes_max=42500
stack_bytes_max=2048
# Static RAM of each query: its state, its log, the query itself.
means_ram_bytes_max=2432
sessions_ram_bytes_max=1664
# Instructions of the tumbling query.
row_median_max=410
row_worst_max=880
epoch_worst_max=9000
commit_worst_max=36000
# Instructions of the session query.
sessions_row_worst_max=860
sessions_epoch_worst_max=2100
sessions_commit_worst_max=27000
# The worst row, in hundredths of the median one.
row_spread_max=300
# The worst row with a full table, in hundredths of the worst one with one key.
row_occupancy_max=110
