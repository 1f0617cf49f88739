// Compiled once for each instruction set; PLASTOMETER_KERNELS names the table.
// No standard library templates in here: a function that the linker shares
// between files must not exist in an instruction set that the CPU may lack.
#include "model/train/kernels/elementwise_impl.h"
#include "model/train/kernels/kernels.h"
#include "model/train/kernels/scan_impl.h"

namespace plastometer::train {

#define PLASTOMETER_STRING2(x) #x
#define PLASTOMETER_STRING(x) PLASTOMETER_STRING2(x)

extern const Kernels PLASTOMETER_KERNELS;
const Kernels PLASTOMETER_KERNELS = {
    PLASTOMETER_STRING(PLASTOMETER_ISA_NAME),
    SupportsHeadDim,
    ScanForward,
    ScanBackward,
    ConvForward,
    ConvBackward,
    RmsForward,
    RmsBackward,
    GatedNormForward,
    GatedNormBackward,
    SwigluForward,
    SwigluBackward,
    SoftmaxLoss,
    SumOfSquares,
    AdamW,
};

}  // namespace plastometer::train
