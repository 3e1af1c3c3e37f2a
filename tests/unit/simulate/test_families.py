import numpy as np
import pytest

from pyecod.simulate.evolution import identity, local_bits
from pyecod.simulate.families import make_t_groups


@pytest.fixture(scope="module")
def groups():
    return make_t_groups(30, np.random.default_rng(5), members=4, homologs=20)


def test_groups_nest_and_ids_are_unique(groups):
    families = [family for group in groups for family in group.families]
    assert len(families) == 30
    assert len({family.f_group for family in families}) == 30
    assert len({group.families[0].t_group for group in groups}) == len(groups)
    for group in groups:
        assert {family.t_group for family in group.families} == {group.families[0].t_group}
        assert {family.t_name for family in group.families} == {group.families[0].t_name}
    for family in families:
        assert family.f_group.startswith(f"{family.t_group}.")
        assert family.t_group.startswith(f"{family.h_group}.")
        assert family.h_group.startswith(f"{family.x_group}.")
    levels = [{getattr(f, level) for f in families} for level in ("x_group", "h_group", "t_group", "f_group")]
    assert len(levels[0]) < len(levels[1]) < len(levels[2]) < len(levels[3])


def test_families_of_a_t_group_are_distant_relatives(groups):
    pairs = [group.families[:2] for group in groups if len(group.families) > 1]
    between = np.mean([identity(a.members[0], b.members[0]) for a, b in pairs])
    within = np.mean([identity(a.members[0], a.members[1]) for a, _ in pairs])
    assert within > 0.5 > between > 0.1


def test_close_members_score_high_and_remote_ones_low_with_every_sequence_of_the_reference(groups):
    rng = np.random.default_rng(6)
    remote = 0
    for group in groups:
        known = [member for family in group.families for member in family.members]
        for family in group.families:
            close = group.close(family, 0.8, rng)
            assert max(local_bits(member, close) for member in family.members) > 40 or len(close) < 60
            far = group.remote(family, rng)
            if far is None:
                continue
            remote += 1
            assert max(local_bits(member, far) for member in known) < 21
            assert family.profile_bits(far) > 30
    assert remote >= 15
