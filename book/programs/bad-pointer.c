// One call with a bad pointer.
#include <unistd.h>

int main(void)
{
	write(1, (void *)8, 5);
}
