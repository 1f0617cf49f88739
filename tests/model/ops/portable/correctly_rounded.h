// The last word on a rounding.
#pragma once
#include <mpfr.h>

namespace plastometer::portable {

// function(x) through 200 bits; mpfr_exp or mpfr_log.
inline float CorrectlyRounded(int (*function)(mpfr_t, const mpfr_t, mpfr_rnd_t),
                              float x) {
  mpfr_t argument, value;
  mpfr_init2(argument, 24);
  mpfr_init2(value, 200);
  mpfr_set_flt(argument, x, MPFR_RNDN);
  function(value, argument, MPFR_RNDN);
  const float result = mpfr_get_flt(value, MPFR_RNDN);
  mpfr_clear(argument);
  mpfr_clear(value);
  return result;
}

}  // namespace plastometer::portable
