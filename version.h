#ifndef VERSION_H
#define VERSION_H

#define VERSION "1.1.2"

#endif
