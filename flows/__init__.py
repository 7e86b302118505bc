"""The clock: Prefect flows, one a stage of the work, and the service that runs them.

Nothing here is imported on ``import flows``: Prefect costs a second, and most commands never
need it. ``flows.service`` and ``flows.children`` are free of it until a run is asked for.
"""
