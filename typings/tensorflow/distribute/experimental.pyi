class ValueContext:
    replica_id_in_sync_group: int
