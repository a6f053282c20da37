"""torch on the CPU, f32: blocks of pixels, torch's own threads."""

import torch

# Large enough that torch's threads have something to share.
BLOCK = 8192


def start(threads):
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return torch.__version__


def sam(pixels, targets):
    """The class with the smallest angle."""
    flat = torch.from_numpy(pixels).reshape(-1, pixels.shape[-1])
    unit = torch.from_numpy(targets)
    columns = (unit / unit.norm(dim=1, keepdim=True)).float().T.contiguous()
    return torch.cat([(block @ columns).argmax(1) for block in flat.split(BLOCK)]).numpy()


def mf(pixels, targets):
    """The matched filter with f32 products."""
    flat = torch.from_numpy(pixels).reshape(-1, pixels.shape[-1])
    mean = flat.mean(0)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for block in flat.split(BLOCK):
        centred = block - mean
        covariance += centred.T @ centred
    covariance /= len(flat) - 1
    differences = torch.from_numpy(targets) - mean.double()
    solved = torch.linalg.solve(covariance, differences.T)
    weights = solved / (differences.T * solved).sum(0)
    constant = (mean.double() @ weights).float()
    return torch.cat([block @ weights.float() - constant for block in flat.split(BLOCK)]).numpy()
