"""The client of the desk, for channels and agents: blocking (`blocking.Client`) and asyncio (`aio.AsyncClient`).

It needs only `contracts/` and py-amqp, and can be installed without the desk, as `casebus_client`. So its modules
import each other relatively. The page is docs/client.md.
"""
