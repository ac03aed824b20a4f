//go:build !race

package asynccalls_test

// defaultSeeds is how many scenarios are explored unless EXPLORE_SEEDS says it.
const defaultSeeds = 50
