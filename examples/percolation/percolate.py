"""The program of one run: site percolation on random square lattices at one probability.

Every site of a lattice is open with the given probability, independently of all others. Open sites that are nearest
neighbours (up, down, left, right) belong to one cluster, and the lattice *spans* if one cluster reaches from the top
row to the bottom row.

Clusters are found by union-find over the lattice, the idea of J. Hoshen and R. Kopelman (Phys. Rev. B 14, 3438, 1976).
Going from site to site in Python would be slow, so all bonds are united at once by the hooking and pointer jumping of
Y. Shiloach and U. Vishkin (J. Algorithms 3, 57, 1982).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multirun import getRunParams, postRunResults

Sites = NDArray[np.bool_]
Numbers = NDArray[np.intp]


def open_bonds(sites: Sites) -> tuple[Numbers, Numbers]:
    """Find the bonds: pairs of open neighbours.

    Args:
        sites: which sites are open, of shape (rows, columns).

    Returns:
        The numbers of the first and of the second site of each bond. Sites are numbered row by row.
    """
    number = np.arange(sites.size).reshape(sites.shape)
    right = sites[:, :-1] & sites[:, 1:]
    down = sites[:-1] & sites[1:]
    first = np.concatenate([number[:, :-1][right], number[:-1][down]])
    second = np.concatenate([number[:, 1:][right], number[1:][down]])
    return first, second


def label_clusters(sites: Sites) -> Numbers:
    """Give every site the smallest site number of its cluster as its label.

    Args:
        sites: which sites are open, of shape (rows, columns).

    Returns:
        The labels, of the same shape. A closed site is labelled with its own number.
    """
    label = np.arange(sites.size)
    first, second = open_bonds(sites)
    while first.size:
        # Hook each root below some smaller root next to it: always downwards, so never in a cycle.
        label[np.maximum(first, second)] = np.minimum(first, second)
        while not np.array_equal(label, shortened := label[label]):
            label = shortened
        first, second = label[first], label[second]
        apart = first != second
        first, second = first[apart], second[apart]
    return label.reshape(sites.shape)


def spans(sites: Sites, labels: Numbers) -> bool:
    """Whether a cluster reaches from the top row to the bottom row."""
    top, bottom = labels[0][sites[0]], labels[-1][sites[-1]]
    return bool(np.isin(top, bottom).any())


def largest_cluster(sites: Sites, labels: Numbers) -> float:
    """The fraction of all sites, open or closed, that lie in the largest cluster."""
    sizes = np.bincount(labels[sites], minlength=1)
    return float(sizes.max() / sites.size)


def simulate(probability: float, side: int, lattices: int, seed: int) -> dict[str, float]:
    """Average over random lattices.

    Args:
        probability: that a site is open.
        side: sites along one side of a lattice.
        lattices: how many lattices to draw.
        seed: of the random numbers; the same seed gives the same results, bit for bit.

    Returns:
        `spanning`, the fraction of the lattices that span, and `largest_cluster`, the mean fraction of the sites in the
        largest cluster.
    """
    random = np.random.default_rng(seed)
    spanning, largest = 0, 0.0
    for _ in range(lattices):
        sites = random.random((side, side)) < probability
        labels = label_clusters(sites)
        spanning += spans(sites, labels)
        largest += largest_cluster(sites, labels)
    return {"spanning": spanning / lattices, "largest_cluster": largest / lattices}


if __name__ == "__main__":
    params = getRunParams()
    postRunResults(simulate(params["p"], params["side"], params["lattices"], params["seed"]))
