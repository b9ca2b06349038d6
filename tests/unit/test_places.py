"""Tokens and who goes ahead without one."""

import asyncio

from multirun.runners.places import Places


def room() -> int:
    """There is always room for two."""
    return 2


async def turn() -> None:
    """Let everybody do what they can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_is_ahead_gets_the_token_of_who_leaves() -> None:
    places = Places(1)
    for _ in range(3):
        await places.admit(room)
    assert (places.held, places.ahead) == (1, 2)
    for left in ((1, 1), (1, 0), (0, 0)):
        places.leave()
        assert (places.held, places.ahead) == left
    assert not places.locked()


async def test_the_fourth_waits_until_one_leaves() -> None:
    places = Places(1)
    fourth = [asyncio.create_task(places.admit(room)) for _ in range(4)][3]
    await turn()
    assert not fourth.done()
    places.leave()
    await turn()
    assert fourth.done()
    assert (places.held, places.ahead) == (1, 2)


async def test_nobody_goes_ahead_while_somebody_waits() -> None:
    places = Places(1)
    await places.admit(room)
    user = asyncio.create_task(places.acquire())
    await turn()
    run = asyncio.create_task(places.admit(room))
    await turn()
    assert (user.done(), run.done(), places.ahead) == (False, False, 0)
    places.leave()
    await turn()
    assert (user.done(), run.done(), places.held) == (True, False, 0)
    places.release()
    await turn()
    assert (run.done(), places.held) == (True, 1)


async def test_of_two_sweeps_nobody_goes_ahead() -> None:
    places = Places(1)
    await places.admit(lambda: 1)
    await places.admit(lambda: 1)
    first, second = (asyncio.create_task(places.admit(lambda: 1)) for _ in range(2))
    await turn()
    places.leave()
    places.leave()
    await turn()
    assert (first.done(), second.done(), places.held, places.ahead) == (False, True, 1, 0)
    places.leave()
    await turn()
    assert (first.done(), places.held, places.ahead) == (True, 1, 0)


async def test_a_token_of_the_user_goes_to_who_is_ahead() -> None:
    places = Places(2)
    inherited: list[int] = []
    places.on_inherited = lambda: inherited.append(places.held)
    await places.acquire()
    await places.admit(room)
    await places.admit(room)
    assert (places.held, places.ahead) == (1, 1)
    places.release()
    assert (places.held, places.ahead, inherited) == (2, 0, [2])
    assert places.locked()


async def test_a_token_that_a_cancelled_caller_had_been_given_is_not_forgotten() -> None:
    places = Places(2)
    await places.acquire()
    await places.admit(room)
    await places.admit(room)
    user = asyncio.create_task(places.acquire())
    await turn()
    places.release()  # it is the turn of the user, who leaves before noticing
    user.cancel()
    await turn()
    assert user.cancelled()
    assert (places.held, places.ahead) == (2, 0)
    assert places.locked()


async def test_who_waits_to_go_ahead_may_be_cancelled() -> None:
    places = Places(1)
    for _ in range(3):
        await places.admit(room)
    waiting = asyncio.create_task(places.admit(room))
    await turn()
    waiting.cancel()
    await turn()
    for _ in range(3):
        places.leave()
    assert (places.held, places.ahead, places.locked()) == (0, 0, False)
