"""The bounds of a VAE on data: against a linear model, whose evidence has a closed form."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from generative import passes
from generative.measure.bounds import collapse_warning, described, measure_bound, measure_gap
from generative.measure.final import final_look
from generative.vae import VAE
from sandbox.data.catalog import load
from sandbox.ui.console import Console
from tests.generative.measure.linear import drawn, linear_vae, log_evidence_bits

CPU = torch.device("cpu")


def small_vae(likelihood: str = "bernoulli") -> VAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VAE(1, 8, 8, 5, 16, (8, 16), likelihood=likelihood).eval()


def test_of_an_exact_posterior_the_elbo_is_the_evidence_and_there_is_no_gap() -> None:
    model, known = linear_vae()
    pictures = drawn(400)
    bound, exact = measure_bound(model, pictures, CPU), known.log_evidence(pictures)
    assert bound.elbo == pytest.approx(exact.mean().item(), abs=0.15)
    gap = measure_gap(model, pictures, CPU, images=50, samples=20)
    assert abs(gap.mean) < 1e-4
    assert (gap.images, gap.samples) == (50, 20)


def test_of_a_wrong_posterior_the_importance_bound_lies_between_elbo_and_evidence() -> None:
    model, known = linear_vae(off=0.7)
    pictures = drawn(400)
    bound, exact = measure_bound(model, pictures, CPU), known.log_evidence(pictures).mean().item()
    few, many = (measure_gap(model, pictures, CPU, images=400, samples=k) for k in (5, 500))
    assert 0.1 < few.mean < many.mean
    assert few.error == many.error == 0
    importance = dataclasses.replace(bound, gap=many).importance
    assert importance == pytest.approx(exact, abs=0.2)
    assert bound.elbo < exact - 0.3


def test_one_sample_is_the_elbo() -> None:
    model, _ = linear_vae(off=0.7)
    assert measure_gap(model, drawn(50), CPU, images=50, samples=1).mean == pytest.approx(0, abs=1e-6)


def test_the_gap_of_some_pictures_is_that_of_all_within_its_error() -> None:
    model, _ = linear_vae(off=0.7)
    pictures = drawn(1500)
    some, every = (measure_gap(model, pictures, CPU, images=count, samples=50) for count in (100, 1500))
    assert 0 < some.error < 0.2
    assert some.mean == pytest.approx(every.mean, abs=4 * some.error)


def test_the_terms_add_up_and_have_their_closed_forms() -> None:
    model, _ = linear_vae(off=0.3)
    pictures = drawn(200)
    bound = measure_bound(model, pictures, CPU)
    images = pictures.images.float() / 127.5 - 1
    posterior = model.encode(images)
    torch.testing.assert_close(bound.kl.float(), posterior.kl().mean(0).detach())
    assert bound.elbo == pytest.approx(-bound.reconstruction - bound.kl.sum().item(), abs=1e-5)
    found = bound.summary()
    assert found["nats"] == -found["elbo"]
    assert found["bits_per_dimension"] == pytest.approx(log_evidence_bits(found["nats"]))
    assert 0 < found["elbo_error"] < 1


def test_a_latent_without_influence_is_not_active() -> None:
    model, _ = linear_vae()
    bound = measure_bound(model, drawn(200), CPU)
    assert bound.active.tolist() == [True, True, False]
    assert [one["active"] for one in bound.latents()] == [True, True, False]
    assert bound.kl[2] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("active", "latents", "says"),
    [
        (0, 2, "posterior collapse: none of 2 latents"),
        (1, 2, None),
        (3, 32, "posterior collapse: only 3 of 32 latents"),
        (4, 32, None),
    ],
)
def test_a_collapse_is_called_one_where_few_latents_are_active(
    active: int, latents: int, says: str | None
) -> None:
    found = collapse_warning(active, latents)
    assert found is None if says is None else found is not None and found.startswith(says)


def test_the_end_of_training_warns_of_a_collapse(capsys: pytest.CaptureFixture[str]) -> None:
    """A new VAE whose encoder says the same of every picture."""
    model = small_vae()
    torch.nn.init.zeros_(model.encoder.out.weight)
    found = final_look(model, load("digits").test, CPU, Console())
    assert found["active_units"] == 0
    assert (found["split"], found["n"]) == ("test", 359)
    assert "warning: posterior collapse: none of 5 latents" in capsys.readouterr().err


def test_black_and_white_is_drawn_once_with_the_grey_value_as_probability(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures = load("digits").test
    once = described(small_vae(), pictures)
    assert set(once.images.unique().tolist()) == {0, 255}
    white, grey = once.images.float() / 255, pictures.images.float() / 255
    assert white[grey == 0].max() == 0
    assert white[grey == 1].min() == 1
    middle = (grey > 0.4) & (grey < 0.6)
    assert white[middle].mean().item() == pytest.approx(grey[middle].mean().item(), abs=0.05)
    monkeypatch.setattr(passes, "MOST_PICTURES", 7)
    assert torch.equal(described(small_vae(), pictures).images, once.images)


def test_grey_levels_are_described_as_they_are() -> None:
    pictures = load("digits").test
    assert described(small_vae("gaussian"), pictures) is pictures


def test_what_is_measured_does_not_depend_on_the_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pictures = small_vae("gaussian"), load("digits").test
    together = measure_bound(model, pictures, CPU)
    monkeypatch.setattr(passes, "MOST_NUMBERS", 64 * 50)
    apart = measure_bound(model, pictures, CPU)
    torch.testing.assert_close(together.kl, apart.kl, rtol=1e-4, atol=1e-6)
    assert apart.elbo == pytest.approx(together.elbo, abs=4 * together.error)
    assert not math.isnan(measure_gap(model, pictures, CPU, images=3, samples=200).mean)
