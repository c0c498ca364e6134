#include "sim/serving/image_encoders.h"

#include "workloads/image_encoders.h"

namespace gridlock {

EncodeSpec EncodedBy(const std::string& name, int images, int tokens, int encoders,
                     const Deployment& deployment) {
  EncodeSpec encode;
  encode.images = images;
  encode.tokens = tokens;
  encode.encoders = encoders;
  encode.time = TimeOfImage(name, tokens, deployment.part, deployment.engine);
  // An embedding of 16 bits for each token.
  encode.transfer = Seconds(2.0 * tokens * deployment.model.hidden / deployment.part.nic_bandwidth);
  return encode;
}

}  // namespace gridlock
