from images.certificates import covered_regions


def test_the_regions_come_from_the_names_of_the_certificates() -> None:
    regions = covered_regions()
    assert {"us-west-2", "eu-central-1", "ap-southeast-1"} <= regions
    assert all(region.count("-") == 2 for region in regions)
