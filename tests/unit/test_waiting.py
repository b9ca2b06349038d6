"""Waiting that comes to its end whatever is cancelled meanwhile."""

import asyncio

import pytest

from multirun.waiting import outlast


class Work:
    """Something that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.done = False

    async def do(self) -> str:
        self.begun.set()
        await self.may_end.wait()
        self.done = True
        return "result"


async def test_the_result_comes_through() -> None:
    work = Work()
    work.may_end.set()
    assert await outlast(work.do()) == "result"


async def test_an_error_comes_through() -> None:
    async def fail() -> None:
        raise LookupError("why")

    with pytest.raises(LookupError, match="why"):
        await outlast(fail())


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_the_work_outlasts_cancellations_and_they_are_passed_on(times: int) -> None:
    work = Work()
    task = asyncio.create_task(outlast(work.do()))
    await work.begun.wait()
    for number in range(times):
        task.cancel(f"cancellation {number}")
        for _ in range(3):
            await asyncio.sleep(0)
        assert not task.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.done
    assert task.cancelled()


async def test_cancelled_before_its_first_step_it_does_not_begin() -> None:
    coroutine = (work := Work()).do()
    task = asyncio.create_task(outlast(coroutine))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not work.begun.is_set()
    coroutine.close()


async def test_the_last_cancellation_is_the_one_that_is_passed_on() -> None:
    work = Work()
    caught = list[str]()

    async def wait() -> None:
        try:
            await outlast(work.do())
        except asyncio.CancelledError as error:
            caught.append(str(error))
            raise

    task = asyncio.create_task(wait())
    await work.begun.wait()
    task.cancel("why")
    await asyncio.sleep(0)
    work.may_end.set()
    await asyncio.wait([task])
    assert caught == ["why"]


async def test_a_time_limit_around_it_waits_for_the_end() -> None:
    work = Work()

    async def limited() -> None:
        async with asyncio.timeout_at(0):
            await outlast(work.do())

    task = asyncio.create_task(limited())
    await work.begun.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    work.may_end.set()
    with pytest.raises(TimeoutError):
        await task
    assert work.done
